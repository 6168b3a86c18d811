// SPDX-License-Identifier: Apache-2.0
/// The configuration's form as a JSON Schema (draft 2020-12), made from the table of keys: for editors, which complete and
/// check by it. It says what each value may be; what depends on other values only the reader knows.
#pragma once

#include <string>

namespace backplane::config {

/// What `backplaned --print-schema` prints and config/backplaned.schema.json holds. `#/$defs/part` is a file in conf.d.
[[nodiscard]] std::string schema_text();

}  // namespace backplane::config
