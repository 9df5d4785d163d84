// Uses a type without including its header.
#pragma once
inline std::vector<int> numbers;
