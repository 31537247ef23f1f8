/* RTP load: phones that each send a packet every 20 ms and listen, in one thread. See rtp_load.py.
 *
 * Packets of one phone are numbered from 0 within a run. A phone hears its partner (index ^ 1); the first packet that
 * it hears in a run is taken for the partner's first, from which sequence numbers tell which packet a later one is.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAMES 100
#define PERIOD 20000000LL /* nanoseconds */

struct phone {
    int fd;
    int payload_type;
    int clock_step;        /* timestamp units in 20 ms */
    const uint8_t *frames; /* FRAMES payloads of `longest` bytes each */
    const uint16_t *sizes;
    int longest;
};

struct result {
    long sent, received, refused, measured;
    float *latencies; /* milliseconds, room for `room` of them */
    long room;
};

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void hear(const struct phone *phone, int index, int64_t *const *sent_at, const long *sent, int *first,
                 struct result *result) {
    uint8_t packet[2048];
    for (;;) {
        ssize_t size = recv(phone->fd, packet, sizeof packet, MSG_DONTWAIT);
        if (size < 0 && errno == ECONNREFUSED) continue;
        if (size < 0) return;
        if (size < 12) continue;
        int64_t heard = now();
        int sequence = packet[2] << 8 | packet[3];
        result->received++;
        if (first[index] < 0) first[index] = sequence;
        long number = (sequence - first[index]) & 0xffff;
        if (number < sent[index ^ 1] && result->measured < result->room)
            result->latencies[result->measured++] = (heard - sent_at[index ^ 1][number]) / 1e6f;
    }
}

/* `turns` packets from each of `count` phones (an even number), spread evenly over the 20 ms; `before` is how many
 * each has sent in earlier runs. Returns 0, or -1 when there is no memory or no epoll. */
int rtp_load_run(const struct phone *phones, int count, long turns, long before, struct result *result) {
    int poll = epoll_create1(EPOLL_CLOEXEC);
    int64_t **sent_at = calloc(count, sizeof *sent_at);
    long *sent = calloc(count, sizeof *sent);
    int *first = malloc(count * sizeof *first);
    int failed = poll < 0 || !sent_at || !sent || !first;
    for (int i = 0; i < count && !failed; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        first[i] = -1;
        failed = !(sent_at[i] = calloc(turns, sizeof **sent_at)) ||
                 epoll_ctl(poll, EPOLL_CTL_ADD, phones[i].fd, &event) < 0;
    }
    int64_t begin = now() + 20000000, end = begin + turns * PERIOD + 400000000;
    long total = turns * count, done = 0;
    while (!failed) {
        int64_t at = now();
        if (at >= end) break;
        int64_t due = begin + done * PERIOD / count;
        int burst = 0;
        while (done < total && due <= at && burst++ < 64) {
            int index = (int)((done % count) * 7919LL % count); /* partners do not send side by side */
            long turn = done / count;
            const struct phone *phone = &phones[index];
            int frame = (int)((before + turn) % FRAMES);
            uint32_t sequence = (uint32_t)(before + turn), timestamp = sequence * phone->clock_step;
            uint8_t packet[1600] = {0x80, phone->payload_type, sequence >> 8, sequence, timestamp >> 24,
                                    timestamp >> 16, timestamp >> 8, timestamp, 0, 0, index >> 8, index};
            memcpy(packet + 12, phone->frames + (size_t)frame * phone->longest, phone->sizes[frame]);
            sent_at[index][turn] = now();
            sent[index] = turn + 1;
            if (send(phone->fd, packet, 12 + phone->sizes[frame], MSG_DONTWAIT) < 0) result->refused++;
            result->sent++;
            due = begin + ++done * PERIOD / count;
        }
        int64_t wait = (done < total ? due : end) - now();
        struct timespec pause = {0, wait < 0 ? 0 : wait > 5000000 ? 5000000 : wait};
        struct epoll_event events[256];
        int ready = epoll_pwait2(poll, events, 256, &pause, NULL);
        for (int i = 0; i < ready; i++)
            hear(&phones[events[i].data.u32], events[i].data.u32, sent_at, sent, first, result);
    }
    for (int i = 0; sent_at && i < count; i++) free(sent_at[i]);
    free(sent_at), free(sent), free(first);
    if (poll >= 0) close(poll);
    return failed ? -1 : 0;
}
