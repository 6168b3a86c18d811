// SPDX-License-Identifier: Apache-2.0
/// All of libbackplane: `#include <backplane/backplane.hpp>` and link with `backplane::client`.
///
///     auto client = backplane::Client::from_environment();   // the supervised worker's own socket, or the daemon's
///     auto db = client->lookup("db");                         // a Line: a reference that keeps nothing alive
///     client->device().link(*db, backplane::LinkMode::monitor);
///     auto message = client->device().next(backplane::Within::forever());  // told once when `db` goes
///
/// Nothing here throws and nothing prints. Calls that can fail return Expected<T>: a value or an Error{code, detail}.
#pragma once

#include <backplane/await.hpp>
#include <backplane/client.hpp>
#include <backplane/device.hpp>
#include <backplane/diagnosis.hpp>
#include <backplane/error.hpp>
#include <backplane/expected.hpp>
#include <backplane/ids.hpp>
#include <backplane/line.hpp>
#include <backplane/link.hpp>
#include <backplane/managed.hpp>
#include <backplane/message.hpp>
#include <backplane/task.hpp>
#include <backplane/task_start.hpp>
#include <backplane/values.hpp>
#include <backplane/within.hpp>
