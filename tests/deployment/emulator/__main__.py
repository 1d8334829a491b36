"""Serve AWS until stopped: `python -m tests.deployment.emulator`."""

from ministack.app import main

from tests.deployment.emulator import cloudformation, gateway, names, permissions, scheduler

names.install()
cloudformation.install()
gateway.install()
permissions.install()
scheduler.install()
main()
