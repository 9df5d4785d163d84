#include <sys/socket.h>
#include <vector>
