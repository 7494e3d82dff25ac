#!/bin/sh
# A Lambda function that answers with its event, after $SLEEP seconds: for what no real one shows. Its environment and
# the headers of its events go to the log.
set -eu
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
env >&2
while event=$(curl -sf -D - "$api/next" | tr -d '\r'); do
    headers=$(printf '%s\n' "$event" | sed '/^$/,$d')
    printf '%s\n' "$headers" >&2
    id=$(printf '%s\n' "$headers" | sed -n 's/^lambda-runtime-aws-request-id: //p')
    sleep "${SLEEP:-0}"
    printf '%s\n' "$event" | sed '1,/^$/d' | curl -sf -X POST "$api/$id/response" --data-binary @- >&2
done
