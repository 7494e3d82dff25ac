"""Makes in moto what CloudFormation would make of the function that `zoho-connector --stack` asks for its variables.

    make_stack.py ENDPOINT STACK VARIABLE=VALUE...
"""

import io
import json
import sys
import zipfile

import boto3

endpoint, stack, *variables = sys.argv[1:]
access = dict(
    endpoint_url=endpoint, region_name="eu-central-1", aws_access_key_id="test", aws_secret_access_key="test"
)

trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole"}]}
role = boto3.client("iam", **access).create_role(RoleName=stack, AssumeRolePolicyDocument=json.dumps(trust))
code = io.BytesIO()
with zipfile.ZipFile(code, "w") as archive:
    archive.writestr("bootstrap", "")
boto3.client("lambda", **access).create_function(
    FunctionName=f"{stack}-api-proxy",
    Runtime="provided.al2023",
    Handler="bootstrap",
    Role=role["Role"]["Arn"],
    Code={"ZipFile": code.getvalue()},
    Environment={"Variables": dict(variable.split("=", 1) for variable in variables)},
)
