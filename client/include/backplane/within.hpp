// SPDX-License-Identifier: Apache-2.0
/// Within: how long a blocking call may take. Made from a backplane::Duration or from any std::chrono duration.
#pragma once

#include <backplane/ids.hpp>

#include <chrono>

namespace backplane {

/// The patience of a call: `0` asks once and does not wait, `Duration::forever()` waits without end, a negative
/// length counts as 0. Implicit, so that `device.next(500ms)` and `device.next(Duration::seconds(1))` both read well.
struct Within {
    Duration length;

    constexpr Within(Duration given) : length(given) {}  // NOLINT(google-explicit-constructor)

    /// Lengths beyond 200 years mean forever.
    template <class Rep, class Period>
    constexpr Within(std::chrono::duration<Rep, Period> given)  // NOLINT(google-explicit-constructor)
        : length(std::chrono::duration<double>(given).count() > 6.3e9
                     ? Duration::forever()
                     : Duration{std::chrono::duration_cast<std::chrono::nanoseconds>(given).count()}) {}

    [[nodiscard]] static constexpr Within forever() { return Within{Duration::forever()}; }
};

/// The patience of every call whose caller names none.
inline constexpr Within default_patience{Duration::seconds(5)};

}  // namespace backplane
