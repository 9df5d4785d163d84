// Says in one sentence what this file is for.
#pragma once
