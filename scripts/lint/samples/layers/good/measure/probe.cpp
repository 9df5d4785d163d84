#include "os/socket.hpp"
