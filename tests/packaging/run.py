"""Runs the tests of packaging/ in one process: reading botocore's models takes the longest."""
import sys

import commands
import runbooks
import tap
import templates

commands.run()
runbooks.run()
templates.run()
print("1..%d" % tap.count)
sys.exit(tap.failed != 0)
