// SPDX-License-Identifier: Apache-2.0
/// The string pool: holders, reuse, saving (decision 9).
#include "daemon/core/texts.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace backplane::core;

TEST(texts, the_empty_text_is_zero_and_needs_no_holder) {
    Texts texts;
    TextIndex empty = texts.add("");
    EXPECT_EQ(empty, 0U);
    EXPECT_EQ(texts.share(empty), 0U);
    texts.release(empty);
    EXPECT_EQ(texts[0], "");
}

TEST(texts, a_place_is_reused_when_its_last_holder_lets_go) {
    Texts texts;
    TextIndex first = texts.add("first");
    TextIndex second = texts.share(first);
    const TextIndex place = first;
    texts.release(first);
    EXPECT_EQ(first, 0U);
    EXPECT_EQ(texts[second], "first");
    texts.release(second);
    EXPECT_EQ(texts.add("other"), place);
}

TEST(texts, a_text_of_the_pool_itself_can_be_added) {
    Texts texts;
    TextIndex last = texts.add("a");
    for (int i = 0; i < 100; ++i) {
        last = texts.add(texts[last]);
    }
    EXPECT_EQ(texts[last], "a");
}

TEST(texts, saved_and_loaded_whole_and_nothing_else_is_taken) {
    Texts texts;
    TextIndex gone = texts.add("gone");
    const TextIndex kept = texts.add("kept");
    texts.release(gone);
    std::string image;
    ImageWriter writer(image);
    texts.save(writer);
    Texts loaded;
    ImageReader reader(image);
    ASSERT_TRUE(loaded.load(reader));
    EXPECT_EQ(loaded[kept], "kept");
    EXPECT_EQ(loaded.add("x"), texts.add("y"));
    for (std::size_t cut = 0; cut < image.size(); ++cut) {
        Texts none;
        ImageReader shorter(std::string_view{image}.substr(0, cut));
        EXPECT_FALSE(none.load(shorter));
    }
}

}  // namespace
