// Names that say nothing are refused: a word such as Manager inside the name of a file or a type.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tests/layering/source.h"

namespace penstock::layering {

/// The refused word in a CamelCase or snake_case name or a path, in lower case. "Database" is one word and is fine.
std::optional<std::string> RefusedWordIn(std::string_view name);

/// The name that the token at `keyword` (class, struct, enum, union, concept, using; in a .proto: message, enum,
/// service) gives to a type, or null: template parameters and uses as in `struct timespec t` declare nothing.
const Token* DeclaredType(const Source& source, size_t keyword);

}  // namespace penstock::layering
