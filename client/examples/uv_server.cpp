// SPDX-License-Identifier: Apache-2.0
/// A libuv server whose every connection has a Device, and says its Line: whoever monitors that is told when the connection ends.
#include <backplane/adaptors/uv.hpp>
#include <backplane/backplane.hpp>

#include <tuple>

struct Connection {
    uv_pipe_t pipe{};
    backplane::Device device;
};
static auto client = backplane::Client::from_environment();

static void on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t*) {
    if (count < 0)  // it has ended, and its Device with it
        uv_close(reinterpret_cast<uv_handle_t*>(stream), [](uv_handle_t* handle) { delete static_cast<Connection*>(handle->data); });
}

static void on_connection(uv_stream_t* server, int) {
    auto* connection = new Connection{{}, std::move(*client->open_device())};
    connection->pipe.data = connection;
    auto* stream = reinterpret_cast<uv_stream_t*>(&connection->pipe);
    uv_pipe_init(server->loop, &connection->pipe, 0);
    uv_accept(server, stream);
    std::string line = connection->device.line().text() + "\n";
    const uv_buf_t text{line.data(), line.size()};
    std::ignore = client->flush();  // the daemon knows it before anybody else does
    uv_try_write(stream, &text, 1);
    static char input[4096];
    uv_read_start(
        stream, [](uv_handle_t*, size_t, uv_buf_t* buffer) { *buffer = uv_buf_init(input, sizeof(input)); }, on_read);
}

int main(int count, char** words) {
    uv_pipe_t server;
    uv_pipe_init(uv_default_loop(), &server, 0);
    if (!client || count != 2 || uv_pipe_bind(&server, words[1]) != 0) {
        return 1;
    }
    const backplane::adaptors::UvClient serving{uv_default_loop(), *client};
    return uv_listen(reinterpret_cast<uv_stream_t*>(&server), 16, on_connection) != 0 || uv_run(uv_default_loop(), UV_RUN_DEFAULT) != 0;
}
