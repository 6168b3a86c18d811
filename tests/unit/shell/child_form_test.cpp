// SPDX-License-Identifier: Apache-2.0
/// The hub's form of children is the configuration's.
#include "daemon/shell/child_form.hpp"

#include <gtest/gtest.h>

namespace backplane::shell {
namespace {

TEST(ConfiguredForm, ReadsAndWritesByTheConfiguration) {
    const ConfiguredForm configured(3);
    const session::ChildForm& form = configured;
    core::SupervisorSpec among;
    among.strategy = core::Strategy::dynamic;
    const Expected<core::ChildSpec> child = form.read(R"({"supervisor": {"partitions": "cpus", "template": {"exec": ["w"]}}})", among);
    ASSERT_TRUE(child) << child.error().detail;
    EXPECT_EQ(child->supervisor.at(0).children.size(), 3U);
    EXPECT_EQ(form.write(*child), R"({"supervisor":{"partitions":3,"template":{"exec":["w"]}}})");
}

TEST(ConfiguredForm, TellsWhatIsWrongAndWhere) {
    const Expected<core::ChildSpec> child = ConfiguredForm(1).read("{\"name\": \"a\"}", {});
    ASSERT_FALSE(child);
    EXPECT_EQ(child.error().code, ErrorCode::bad_spec);
    EXPECT_EQ(child.error().detail, "1:1: expected \"exec\", \"task\" or \"supervisor\", got none [missing_start]");
}

}  // namespace
}  // namespace backplane::shell
