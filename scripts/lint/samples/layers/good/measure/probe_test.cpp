#include <gtest/gtest.h>
#include "measure/probe.cpp"
#include "os/socket.hpp"
