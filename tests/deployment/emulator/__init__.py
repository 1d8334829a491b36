"""MiniStack, and the little that this project's stack needs of AWS beyond it.

It runs in an environment of its own, `.venv-emulated`, since MiniStack pins botocore. Every change reaches into
MiniStack's insides, so pyproject.toml pins its version: after an update, see which are still needed.

    names.py            the services' host names
    cloudformation.py   resources and properties that MiniStack treats otherwise than AWS
    gateway.py          API Gateway leaves more to the function
    permissions.py      CloudFormation acts with the rights of whoever deploys
    scheduler.py        EventBridge Scheduler fills in the time and acts as the schedule's role
"""
