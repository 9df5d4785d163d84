#include "os/result.hpp"
#include "os/socket.hpp"
#include "measure/probe.hpp"
#include <nlohmann/json.hpp>
#include <uv.h>
#include "protocol/session_test.hpp"
