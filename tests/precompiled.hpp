#pragma once

#include "../cmake/precompiled.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
