#!/bin/sh
# Repeats 20261126T145314Z-8d17e6705a-quick from a clone of the repository.
set -e
git checkout 8d17e6705aeedc2d6e8471abb055633909404d92
scripts/bootstrap.sh bench
cmake --preset bench
cmake --build --preset bench
./c1m bench --profile quick --seed 1 --backends threads,uv,coro,floor
