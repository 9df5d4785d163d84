#!/bin/sh
# Repeats 20261123T233418Z-5c7701ff22-quick from a clone of the repository.
set -e
git checkout 5c7701ff2273e5807233b24209a47cacf1001e8c
scripts/bootstrap.sh bench
cmake --preset bench
cmake --build --preset bench
./c1m bench --profile quick --seed 1 --backends threads,uv,coro,floor
