// Text from outside: is it UTF-8, how is it shown in a message, what is in a list.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ipfsc {

/// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

/// In double quotes, for messages: quotes, backslashes, control characters and what is not UTF-8 are escaped, what is
/// longer than `max_bytes` is cut with "…". (fmt's "{:?}" must not get text from outside: the copy of fmt in Debian's
/// libspdlog stops the process on bytes that are not UTF-8.)
std::string quoted(std::string_view text, size_t max_bytes = 100);

/// Elements of "a, b,c", without the blanks around them; empty ones are left out. Views into `list`.
std::vector<std::string_view> comma_separated(std::string_view list);

}  // namespace ipfsc
