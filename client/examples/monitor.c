// SPDX-License-Identifier: Apache-2.0
/// Waits until what has a name goes, and says why, from C: backplane-example-monitor-c NAME
#include <backplane/backplane.h>

#include <stdio.h>
#include <string.h>

static int fail(bp_status status, const char* detail) {
    fprintf(stderr, "monitor: %s: %s\n", bp_status_name(status, NULL), detail);
    return 1;
}

int main(int count, char** words) {
    char detail[256];
    bp_client* client;
    bp_status status = bp_client_from_environment(NULL, &client, detail, sizeof detail);
    if (status != BP_OK || count != 2) {
        return fail(status != BP_OK ? status : BP_USAGE, status != BP_OK ? detail : "NAME");
    }
    bp_device* self;
    bp_line line = {.size = sizeof line};
    bp_message message = {.size = sizeof message};
    if ((status = bp_client_device(client, &self)) != BP_OK ||
        (status = bp_client_lookup(client, words[1], strlen(words[1]), BP_PATIENCE, &line)) != BP_OK ||
        (status = bp_device_link(self, &line, BP_LINK_MONITOR)) != BP_OK ||
        (status = bp_device_next(self, BP_FOREVER, &message)) != BP_OK) {
        return fail(status, words[1]);
    }
    char why[320];
    size_t length = 0;
    bp_fault_format(message.fault, why, sizeof why, &length);
    printf("%s went: %.*s\n", words[1], (int)length, why);
    return bp_client_close(client) == BP_OK ? 0 : 1;
}
