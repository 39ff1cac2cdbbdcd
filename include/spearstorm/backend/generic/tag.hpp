#pragma once
// The root of all backend tags. A backend derives its tag from this one and overloads the verbs that it does better;
// overload resolution picks the nearest, so a missing override falls through to the plain loops here.

#include "spearstorm/core/config.hpp"

namespace SPEARSTORM_NS::backend {

struct generic_tag {};

}  // namespace SPEARSTORM_NS::backend
