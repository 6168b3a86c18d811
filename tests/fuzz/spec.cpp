// SPDX-License-Identifier: Apache-2.0
/// Flat supervision trees and launch orders, damaged: they are refused, or they are trees that can be written again. BP_LAUNCH
/// chooses the launch order's decoder.
#include "daemon/core/spec.hpp"
#include "tests/fuzz/patched.hpp"

namespace {

using namespace backplane;
using namespace backplane::core;

ChildSpec child(std::string name) {
    ChildSpec spec;
    spec.name = std::move(name);
    spec.launch.exec = {"/usr/bin/worker", "--verbose", ""};
    spec.launch.environment = {{"A", "1"}, {"EMPTY", ""}};
    spec.launch.working_directory = "/tmp";
    spec.launch.stdout_to = {OutputKind::file, "/tmp/out"};
    spec.launch.stderr_to = {OutputKind::null, ""};
    spec.links = {{"b", LinkMode::monitor}, {"sub/c", LinkMode::peer}};
    spec.requires_up = {"b", "sub/c"};
    spec.exits = {{0, 3, 255}, {143}, {78}, {75}, {2, 15}, {31}, {1, 64}};
    spec.limit = {true, 3, Duration::seconds(9), OnLimit::quarantine, Duration::seconds(60)};
    spec.launch.credentials = {"user", "group", {"one", "two"}, {"cap_kill"}};
    spec.launch.limits = {{"nofile", 1024, no_limit}, {"core", 0, 0}};
    spec.launch.probe.command = {"/bin/check", "-q"};
    spec.launch.probe.connect = "localhost:80";
    return spec;
}

[[maybe_unused]] SupervisorSpec tree() {
    SupervisorSpec root;
    root.children = {child("a"), child("b"), child("sub")};
    ChildSpec& nested = root.children.back();
    nested.is_supervisor = true;
    nested.supervisor.emplace_back().children = {child("c")};
    nested.shutdown = Duration::forever();
    root.children.push_back(child("pool"));
    ChildSpec& pool = root.children.back();
    pool.is_supervisor = true;
    pool.launch = {};
    pool.supervisor.emplace_back().strategy = Strategy::dynamic;
    pool.supervisor.back().template_child = {child("")};
    return root;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input = fuzz::as_text(data, size);
    const bool raw = !input.empty() && static_cast<unsigned char>(input[0]) >= 0xf0;
    const std::string_view changes = input.substr(input.empty() ? 0 : 1);
#ifdef BP_LAUNCH
    static const std::string image = encode_launch(child("a").launch);
    const auto decoded = decode_launch(raw ? std::string{changes} : fuzz::patched(image, changes));
    const auto encode_it = [](const LaunchSpec& launch) { return encode_launch(launch); };
    const auto decode_it = [](const std::string& bytes) { return decode_launch(bytes); };
#else
    static const std::string image = encode_spec(tree());
    const auto decoded = decode_spec(raw ? std::string{changes} : fuzz::patched(image, changes));
    const auto encode_it = [](const SupervisorSpec& spec) { return encode_spec(spec); };
    const auto decode_it = [](const std::string& bytes) { return decode_spec(bytes); };
#endif
    if (!decoded) {
        fuzz::hold(decoded.error().code == ErrorCode::corrupt_image && !decoded.error().detail.empty(), "an error names the field");
        return 0;
    }
    const std::string once = encode_it(*decoded);
    const auto again = decode_it(once);
    fuzz::hold(again.has_value() && encode_it(*again) == once, "what was taken is written the same");
    return 0;
}
