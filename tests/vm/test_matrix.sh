#!/bin/bash
# A sample of the matrix: 5 levels of page tables under lockdown=integrity, the newest kernel, and no physical method.
set -euo pipefail
exec "$(dirname "$0")/matrix.sh" short
