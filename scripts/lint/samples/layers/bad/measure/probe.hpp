#include "os/socket.hpp"
#include "protocol/session.hpp"
#include <nlohmann/json.hpp>
#include "os/none.hpp"
