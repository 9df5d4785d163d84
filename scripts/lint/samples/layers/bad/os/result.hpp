#include "measure/probe.hpp"
