#!/usr/bin/env bash
# pytest-xdist 3.8.0 beside pytest 9.2.0: tests of one group run on both workers.
#
# Guess: with --dist loadgroup one worker takes all tests of a group, or the two refuse each other.
# Seen: the group is written to an attribute that this pytest reads no more. Nothing is said, the
# tests pass, and what a group shares is made once in each worker. Beside pytest 9.0.0 one takes all.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
cd "$work"
cat > test_group.py <<'TEST'
import os
import time

import pytest


@pytest.mark.xdist_group("one")
@pytest.mark.parametrize("number", range(12))
def test_worker(number):
    time.sleep(0.1)
    with open("workers.txt", "a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + "\n")
TEST
workers() {
    env/bin/pip install -q "pytest==$1" pytest-xdist==3.8.0
    rm -f workers.txt
    env/bin/pytest -q -p no:cacheprovider -n 2 --dist loadgroup > /dev/null
    sort -u workers.txt | wc -l
}
new=$(workers 9.2.0)
old=$(workers 9.0.0)
echo "workers that ran a test of the group: $new with pytest 9.2.0, $old with 9.0.0"
[ "$new" = 2 ] && [ "$old" = 1 ]
