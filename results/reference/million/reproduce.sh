#!/bin/sh
# Repeats 20261126T133726Z-9ddc85d991-million from a clone of the repository.
set -e
git checkout 9ddc85d9917a12be6c61ab01e1bd8a60972c185b
scripts/bootstrap.sh bench
cmake --preset bench
cmake --build --preset bench
./c1m bench --profile million --seed 1 --backends threads,uv,coro,floor
