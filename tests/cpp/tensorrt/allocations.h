// How often device memory has been taken since the program began.
#pragma once

int device_allocations();
