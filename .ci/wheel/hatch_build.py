"""Puts sdev for one platform into a wheel."""

import os

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Program(BuildHookInterface):
    def initialize(self, version, build_data):
        program = os.environ["SDEV_WHEEL_PROGRAM"]
        build_data["shared_scripts"][program] = os.path.basename(program)
        build_data["pure_python"] = False
        build_data["tag"] = "py3-none-" + os.environ["SDEV_WHEEL_PLATFORM"]
