/* The fast lane: receives, checks, rewrites, sends and counts plain RTP without coming back to Python.
 *
 * It does exactly what lane.py does, packet for packet; the same tests run over both. Whatever is not plain RTP of a
 * party that is already known goes back to Python: another file descriptor that is ready, RTCP on the same port, audio
 * that must be transcoded or heard, telephone-events that someone listens to.
 *
 * Loaded by cffi in ABI mode (fastlane.py reads the structures between the marks, and compares their sizes), so it
 * needs a C compiler once and no Python headers. One thread only; nothing here is locked.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

/* declarations */
struct jf_lane {
    /* heard from the party */
    int64_t heard_ns, head_ns, sent_ns;
    uint64_t window;             /* bit n: the packet n before `high` was heard */
    uint64_t packets_in, bytes_in, packets_out, bytes_out;
    struct jf_lane *to;          /* who hears this party */
    uint32_t id, ssrc_in, key, extended, base, received, lost_before, transit, jitter, clock_in;
    uint32_t duplicates, late, malformed, relayed, send_errors;
    uint32_t ssrc_out, ts_out, head_ts, source, clock_out, frame;
    int32_t fd;
    uint16_t high, bad_next, seq_out, head_seq, run;
    uint8_t started, muted, destination_size, unused;
    uint8_t destination[28];     /* struct sockaddr; size 0 when the socket is connected */
    uint8_t kind[128], payload_type[128];
};

struct jf_hand {
    uint64_t id;                 /* of the lane, or the file descriptor */
    uint32_t ts, out_ts;
    uint16_t seq, out_seq, start, end;
    uint8_t what, payload_type, marker, flags;
    uint32_t unused;
};

struct jf_road {
    int64_t frozen_ns;           /* tests: the time, instead of the clock */
    int64_t counted_ns;          /* since when `served` counts */
    int64_t rate;                /* events a second */
    int32_t epoll, urgent, handed, unused;
    uint32_t next_key, pause_ns, longest_pause_ns, served;
    uint8_t tables[2][256];      /* mu-law to A-law and back */
    struct jf_hand hands[64];
    uint8_t buffers[64][2048];
};
/* end */

enum { DROP, RELAY, RELAY_TO_ALAW, RELAY_TO_ULAW, RELAY_EVENT, HAND, HAND_EVENT, DROP_EVENT }; /* kinds, as in lane.py */
enum { READY = 1, RTCP, PACKET, MAPPED = 1, AHEAD = 2, NEW_SOURCE = 4 };
enum { SLOTS = 64, BUFFER = 2048, MAX_DROPOUT = 3000, WINDOW = 64 };
enum { RATE_WINDOW_NS = 20000000, BUSY_RATE = 1000, GATHERED = 6, SHORTEST_PAUSE_NS = 500000 };

int jf_sizes(int what) {
    return what == 0 ? sizeof(struct jf_lane) : what == 1 ? sizeof(struct jf_hand) : sizeof(struct jf_road);
}

static int64_t clock_ns(const struct jf_road *road) {
    struct timespec t;
    if (road->frozen_ns) return road->frozen_ns;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static uint32_t ticks(int64_t ns, uint32_t clock) { return (uint32_t)((uint64_t)(ns / 1000) * clock / 1000000); }

static uint32_t read32(const uint8_t *p) { return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]; }
static void write32(uint8_t *p, uint32_t v) { p[0] = v >> 24, p[1] = v >> 16, p[2] = v >> 8, p[3] = v; }

/* A new source, or one that began anew (RFC 3550 appendix A.1). */
static void restart(struct jf_road *road, struct jf_lane *in, uint16_t seq, uint32_t ssrc) {
    if (in->started) in->lost_before += in->extended - in->base + 1 - in->received;
    if (!++road->next_key) ++road->next_key;
    in->key = road->next_key;
    in->started = 1, in->ssrc_in = ssrc;
    in->high = seq, in->extended = in->base = seq, in->bad_next = seq - 1;
    in->received = 0, in->window = 1, in->transit = 0;
}

/* Is this packet new to us? Returns 0 for a copy of one that was heard, or one that comes too late. */
static int is_new(struct jf_road *road, struct jf_lane *in, uint16_t seq, uint32_t ssrc) {
    uint16_t ahead = seq - in->high, behind = in->high - seq;
    if (!in->started || ssrc != in->ssrc_in) {
        restart(road, in, seq, ssrc);
    } else if (ahead == 0) {
        return in->duplicates++, 0;
    } else if (ahead < MAX_DROPOUT) {
        in->window = ahead < WINDOW ? in->window << ahead | 1 : 1;
        in->high = seq, in->extended += ahead;
    } else if (behind < WINDOW) {
        uint64_t bit = (uint64_t)1 << behind;
        if (in->window & bit) return in->duplicates++, 0;
        in->window |= bit;
    } else if (seq == in->bad_next) { /* two in a row: the source jumped */
        restart(road, in, seq, ssrc);
    } else {
        in->bad_next = seq + 1, in->late++;
        return 0;
    }
    in->received++;
    return 1;
}

/* Where the packet belongs in what `out` hears. Returns 0 when it has no place there any more. */
static int map(struct jf_lane *in, struct jf_lane *out, struct jf_hand *hand, int event, int64_t now) {
    uint16_t step;
    int32_t ahead;
    int64_t ts_step;
    hand->flags |= MAPPED;
    if (out->source != in->key) { /* another source than a moment ago: go on after what was sent last */
        uint32_t gap = ticks(now - out->sent_ns, out->clock_out);
        out->ts_out += gap > out->frame && out->sent_ns ? gap : out->frame;
        out->seq_out++;
        out->head_seq = hand->seq, out->head_ts = hand->ts, out->head_ns = now;
        out->source = in->key, out->run = 1;
        hand->out_seq = out->seq_out, hand->out_ts = out->ts_out;
        hand->marker = 0x80;
        hand->flags |= AHEAD | NEW_SOURCE;
        return 1;
    }
    step = hand->seq - out->head_seq;
    ahead = (int16_t)step;
    ts_step = (int32_t)(hand->ts - out->head_ts);
    if (in->clock_in != out->clock_out) {
        int64_t scaled = ts_step * out->clock_out; /* rounded towards minus infinity, like Python */
        ts_step = scaled / in->clock_in - (scaled % in->clock_in < 0);
    }
    if (ahead <= 0) {
        if (-ahead >= out->run) return 0; /* from before the change */
        hand->out_seq = out->seq_out + ahead, hand->out_ts = out->ts_out + (uint32_t)ts_step;
        return 1;
    }
    out->seq_out += step;
    out->head_seq = hand->seq;
    out->run = out->run + ahead < 0x7fff ? out->run + ahead : 0x7fff;
    hand->out_seq = out->seq_out;
    hand->flags |= AHEAD;
    if (event) { /* all packets of an event carry its beginning (RFC 4733 section 2.1): no measure of time */
        hand->out_ts = out->ts_out + (uint32_t)ts_step;
        return 1;
    }
    if (ts_step <= 0 || ts_step > (int64_t)ahead * (out->clock_out >> 2)) {
        /* A pause of the speaker advances timestamps as much as the clock; anything else is a jump of the source. */
        int64_t passed = (now - out->head_ns) / 1000 * out->clock_out / 1000000, off = ts_step - passed;
        if (off > 2 * (int64_t)out->clock_out || off < -2 * (int64_t)out->clock_out)
            ts_step = passed > out->frame ? passed : out->frame, hand->marker = 0x80;
    }
    out->head_ts = hand->ts, out->head_ns = now;
    hand->out_ts = out->ts_out += (uint32_t)ts_step;
    return 1;
}

/* `packet` is a whole packet, the header still to be written. */
static int transmit(struct jf_lane *out, uint8_t *packet, int size, int type, uint16_t seq, uint32_t ts) {
    ssize_t sent;
    packet[0] = 0x80, packet[1] = type, packet[2] = seq >> 8, packet[3] = seq;
    write32(packet + 4, ts), write32(packet + 8, out->ssrc_out);
    if (out->destination_size)
        sent = sendto(out->fd, packet, size, MSG_DONTWAIT, (void *)out->destination, out->destination_size);
    else
        sent = send(out->fd, packet, size, MSG_DONTWAIT);
    if (sent < 0 && errno == ECONNREFUSED) sent = send(out->fd, packet, size, MSG_DONTWAIT); /* of an earlier packet */
    if (sent < 0) return out->send_errors++, 0;
    out->packets_out++, out->bytes_out += size - 12;
    return 1;
}

int jf_transmit(struct jf_lane *out, const uint8_t *payload, int size, int type, uint16_t seq, uint32_t ts) {
    uint8_t packet[BUFFER];
    if (size > BUFFER - 12) return 0;
    memcpy(packet + 12, payload, size);
    return transmit(out, packet, size + 12, type, seq, ts);
}

/* One packet of a known party. Returns 1 when Python has to see it. */
static int take(struct jf_road *road, struct jf_lane *in, struct jf_hand *hand, uint8_t *data, int size, int64_t now) {
    struct jf_lane *out = in->to;
    int start, end = size, kind;
    uint32_t transit;
    hand->id = in->id;
    if (size >= 8 && data[0] >> 6 == 2 && data[1] >= 192 && data[1] <= 223) {
        hand->what = RTCP, hand->start = 0, hand->end = size;
        return 1;
    }
    start = 12 + 4 * (data[0] & 15);
    if (size < 12 || data[0] >> 6 != 2) goto malformed;
    if (data[0] & 16) start += start + 4 <= size ? 4 + 4 * (data[start + 2] << 8 | data[start + 3]) : size;
    if (data[0] & 32 && end > start) {
        if (!data[end - 1]) goto malformed;
        end -= data[end - 1];
    }
    if (start > end) goto malformed;
    hand->what = PACKET, hand->start = start, hand->end = end;
    hand->payload_type = data[1] & 127, hand->marker = data[1] & 128;
    hand->seq = data[2] << 8 | data[3], hand->ts = read32(data + 4);
    hand->flags = 0, hand->out_seq = 0, hand->out_ts = 0;
    in->heard_ns = now;
    if (!is_new(road, in, hand->seq, read32(data + 8))) return 0;
    in->packets_in++, in->bytes_in += end - start;
    kind = start < end ? in->kind[hand->payload_type] : DROP;
    if (kind == DROP_EVENT) {
        kind = DROP; /* its timestamp stands still: no jitter */
    } else if (kind != RELAY_EVENT && kind != HAND_EVENT) { /* RFC 3550 appendix A.8 */
        transit = ticks(now, in->clock_in) - hand->ts;
        if (in->transit) {
            uint32_t off = transit - in->transit;
            if (off > 0x7fffffff) off = 0 - off;
            if (off <= 2 * in->clock_in) in->jitter += off - ((in->jitter + 8) >> 4); /* else it set its clock */
        }
        in->transit = transit;
    }
    if (kind == DROP) {
        /* Left out on purpose: the receiver must not take it for lost. */
        int ahead = out && out->source == in->key ? (int16_t)(hand->seq - out->head_seq) : 0;
        if (ahead > 0) out->head_seq = hand->seq, out->seq_out += ahead - 1;
        return 0;
    }
    if (out && !out->muted) {
        if (!map(in, out, hand, kind == RELAY_EVENT || kind == HAND_EVENT, now)) return 0;
        out->sent_ns = now;
    }
    if (kind >= HAND) return 1;
    if (!(hand->flags & MAPPED)) return 0;
    if (kind == RELAY_TO_ALAW || kind == RELAY_TO_ULAW) {
        const uint8_t *table = road->tables[kind - RELAY_TO_ALAW];
        for (int i = start; i < end; i++) data[i] = table[data[i]];
    }
    if (transmit(out, data + start - 12, end - start + 12, in->payload_type[hand->payload_type] | hand->marker,
                 hand->out_seq, hand->out_ts))
        in->relayed++;
    return 0;
malformed:
    return in->malformed++, 0;
}

/* A packet that Python received itself (the first ones, decrypted ones); it lies in the last buffer. */
int jf_take(struct jf_road *road, struct jf_lane *in, int size) {
    return take(road, in, &road->hands[SLOTS - 1], road->buffers[SLOTS - 1], size, clock_ns(road));
}

int jf_watch(struct jf_road *road, int fd, struct jf_lane *lane, int operation, uint32_t events) {
    struct epoll_event event = {.events = events};
    event.data.u64 = lane ? (uint64_t)(uintptr_t)lane : (uint64_t)fd << 1 | 1;
    return epoll_ctl(road->epoll, operation, fd, &event) ? errno : 0;
}

/* With many packets under way, wait until a few have come: most of what a packet costs is waking up for it.
 * What is urgent (the control socket) ends the pause. */
static void gather(struct jf_road *road, int64_t now, int64_t until) {
    int64_t passed = now - road->counted_ns;
    if (passed >= RATE_WINDOW_NS) {
        road->rate = (3 * road->rate + (int64_t)road->served * 1000000000 / passed) / 4;
        road->served = 0, road->counted_ns = now;
        road->pause_ns = road->rate < BUSY_RATE ? 0 : (uint32_t)((int64_t)GATHERED * 1000000000 / road->rate);
        if (road->pause_ns && road->pause_ns < SHORTEST_PAUSE_NS) road->pause_ns = SHORTEST_PAUSE_NS;
        if (road->pause_ns > road->longest_pause_ns) road->pause_ns = road->longest_pause_ns;
    }
    if (road->pause_ns && until - now > road->pause_ns && !road->frozen_ns) {
        struct pollfd urgent = {.fd = road->urgent, .events = POLLIN};
        struct timespec pause = {0, road->pause_ns};
        ppoll(&urgent, 1, &pause, 0);
    }
}

/* Relay until `until` (CLOCK_MONOTONIC, ns), or until there is something for Python; returns how many hands. */
int jf_wait(struct jf_road *road, int64_t until) {
    struct epoll_event events[256];
    int64_t now = clock_ns(road);
    road->handed = 0;
    do {
        int64_t left = until - now;
        int count;
        gather(road, now, until);
        count = epoll_wait(road->epoll, events, 256, left > 0 ? (int)((left + 999999) / 1000000) : 0);
        now = clock_ns(road);
        for (int i = 0; i < count && road->handed < SLOTS - 1; i++) {
            struct jf_hand *hand = &road->hands[road->handed];
            uint8_t *data = road->buffers[road->handed];
            road->served++;
            if (events[i].data.u64 & 1) {
                hand->what = READY, hand->id = events[i].data.u64 >> 1, hand->flags = events[i].events & 0xff;
                road->handed++;
            } else {
                struct jf_lane *lane = (struct jf_lane *)(uintptr_t)events[i].data.u64;
                int size = (int)recv(lane->fd, data, BUFFER, MSG_DONTWAIT);
                if (size >= 0 && take(road, lane, hand, data, size, now)) road->handed++;
            }
        }
    } while (!road->handed && now < until && !road->frozen_ns);
    return road->handed;
}
