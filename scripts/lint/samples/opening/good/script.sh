#!/bin/sh
# Says in one sentence what this file is for.
true
