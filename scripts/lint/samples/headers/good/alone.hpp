// Includes what it uses.
#pragma once
#include <vector>
inline std::vector<int> numbers;
