# The commands of every day, for https://just.systems. CONTRIBUTING.md explains them.

# lists the recipes
default:
    @just --list

# the connector in front of a stand-in Zoho, without an account
demo:
    cargo run

# every test, counted in the last line
test:
    ./tests/run

# what .ci/run checks before it tests, as far as it takes seconds
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
    tests/contract/lint

# what a start and a call cost
bench:
    tests/bench/run

# openapi.json, made of what the routes say
openapi:
    UPDATE_OPENAPI=1 cargo test --workspace --all-features --lib the_document_says
    UPDATE_OPENAPI=1 cargo test --workspace --all-features --lib the_copy_that_is_served

# docs/errors.md, made of the errors that the test provokes
errors:
    UPDATE_ERRORS=1 cargo test --workspace --all-features --test it errors

# docs/reference/commands.md, made of what --help says
commands:
    UPDATE_COMMANDS=1 cargo test --workspace --all-features --test it documents

# the OpenClaw skill: its form, its names, and each of its examples against the demo
skill:
    tests/skill/check

# a real OpenClaw with a scripted model: the skill, events, tools; about eight minutes
openclaw:
    tests/openclaw/run

# the dependency tree: licences, sources, doubles, and what nothing uses
dependencies:
    tests/dependencies

# what a release has, for this machine's processor: about half an hour
release:
    deploy/release/build

# the functions as they are deployed, and their sizes: about fifteen minutes
deployment:
    tests/deploy/build
