# SPDX-License-Identifier: BSD-3-Clause
"""Where the pieces of lanes lie, for format-annotate: docs/format.md, "Layout" and "Range
coding", in the document's own words, and knowing nothing of lib/.

What is malformed fails an assertion, or is not noticed.
"""

FAR = 1 << 40
NEVER = (1 << 64) - 1


# ---- Range coding


class Decoder:
    """Bits, each of which has a probability."""

    def __init__(self, data):
        self.data = data
        self.at = 4
        self.low, self.high = 0, 0xffffffff
        self.code = int.from_bytes(data[:4].ljust(4, b"\0"), "big")

    def bit(self, p):
        middle = self.low + ((self.high - self.low) * p >> 16)
        bit = int(self.code <= middle)
        if bit:
            self.high = middle
        else:
            self.low = middle + 1
        while self.low >> 24 == self.high >> 24:
            byte = self.data[self.at] if self.at < len(self.data) else 0
            self.at += 1
            self.low = self.low << 8 & 0xffffffff
            self.high = (self.high << 8 | 0xff) & 0xffffffff
            self.code = (self.code << 8 | byte) & 0xffffffff
        return bit

    def finished(self):
        return len(self.data) <= self.at <= len(self.data) + 4


class Bit:
    def __init__(self):
        self.p = 1 << 15
        self.seen = 0

    def read(self, decoder):
        bit = decoder.bit(self.p)
        r = (self.seen + 1).bit_length()
        if bit:
            self.p += (65535 - self.p) >> r
        else:
            self.p -= self.p >> r
        self.seen = min(self.seen + 1, 7)
        return bit


class Number:
    def __init__(self):
        self.more = [Bit() for _ in range(48)]
        self.digit = [[Bit() for _ in range(8)] for _ in range(49)]

    def read(self, decoder):
        d = 0
        while d < 48 and self.more[d].read(decoder):
            d += 1
        v = 1
        for _ in range(d):
            b = self.digit[d][v].read(decoder) if v < 8 else decoder.bit(1 << 15)
            v = 2 * v + b
        return v - 1


class Signed:
    def __init__(self, magnitude=None):
        self.zero, self.negative, self.number = Bit(), Bit(), magnitude or Number()

    def read(self, decoder):
        if self.zero.read(decoder):
            return 0
        negative = self.negative.read(decoder)
        magnitude = self.number.read(decoder) + 1
        return -magnitude if negative else magnitude


# ---- What a walk knows


def towards_zero(a, b):
    return a // b if a >= 0 else -(-a // b)


def hinted():
    return [Bit() for _ in range(7)]


class Template:
    def __init__(self, place, to_end, gap, length):
        self.to_end, self.gap, self.length = to_end, gap, length
        self.trust, self.successor, self.repeats, self.leaving_end = 1, place, 0, 0


class Lane:
    def __init__(self, ends):
        self.ends = ends
        self.pieces = []  # of (offset in the source, length)
        self.offset = self.reach = 0
        self.templates = []
        self.made = 0
        self.last = 0  # its place
        self.row = self.passed = 0
        self.usual = 0  # pieces of its last turn
        self.pace_last = self.interval = self.steady = self.step = 0
        # Models.
        self.surprise, self.known = hinted(), Bit()
        self.back = [hinted() for _ in range(7)]
        self.before, self.stay, self.template = Number(), Number(), Number()
        lateness = Number()
        self.late = [[Signed(lateness) for _ in range(7)] for _ in range(3)]
        self.last_turn = 0  # the number of that, of all turns

    def next_ends(self):
        return [end for end in self.ends if end > self.offset][:2]

    def in_reach(self):
        return any(end <= self.offset + self.reach for end in self.next_ends())

    def last_in_reach(self):
        return self.in_reach() and self.passed + 1 >= self.templates[self.last].leaving_end

    def predicted(self):
        """The place of the template that the next piece should have."""
        t = self.templates[self.last]
        left = self.last_in_reach() if t.trust > 0 else self.row == t.repeats
        return t.successor if left else self.last

    def length(self, t):
        if not t.to_end:
            return t.length
        lengths = [end - self.offset + t.length for end in self.next_ends()]
        return next(n for n in lengths if n > 0)

    def keep_pace(self, t):
        late = 256 * t - (self.steady + self.step)
        self.interval = t - self.pace_last
        self.pace_last = t
        if late > 512 or late < -512 or self.step == 0:
            self.steady = 256 * t
            self.step = 256 * self.interval
        else:
            self.steady += self.step + towards_zero(late, 4)
            self.step += towards_zero(late, 16)

    def learn(self, place):
        last = self.templates[self.last]
        if self.last_in_reach() and place != self.last:
            last.trust = min(last.trust + 1, 3)
        elif self.last_in_reach() or place != self.last:
            last.trust = max(last.trust - 1, -3)
        if place != self.last:
            last.successor = place
            last.repeats = self.row
            last.leaving_end = self.passed + self.in_reach()
            self.row = self.passed = 0
        self.row += 1
        self.last = place


def distance(a, b):
    d = (b - a + 2) % (1 << 64)
    return 0 if d >> 63 else min(d, 6)


class Past:
    """The last events, and what followed the same ones before."""

    def __init__(self):
        self.codes = []
        self.places = {}
        self.match = None  # an event's number
        self.length = 0

    @staticmethod
    def code(to, n, place):
        return n + (place << 40) + (1 << 63) if to is None else n + (to << 40)

    def add(self, code):
        i = len(self.codes)
        self.codes.append(code)
        if self.match is not None and self.codes[self.match] == code:
            self.match += 1
            self.length += 1
        else:
            self.match, self.length = None, 0
        if i < 3:
            return
        h = 0
        for k in range(4):
            h = (h ^ self.codes[i - k]) * 0x9E3779B97F4A7C15 % (1 << 64)
        if self.match is None and self.places.get(h >> 52, i - 4096) > i - 4096:
            self.match = self.places[h >> 52]
        self.places[h >> 52] = i + 1

    def expected(self):
        """What is expected: a lane or None, and n; or nothing."""
        if self.match is None:
            return None
        code = self.codes[self.match]
        return None if code >> 63 else code >> 40, code & (1 << 40) - 1

    def hint(self, yes):
        if self.match is None:
            return 0
        return 1 + yes(*self.expected()) + 2 * (self.length >= 4) + 2 * (self.length >= 16)

    def hint_lane(self, lane):
        return self.hint(lambda to, n: to is not None and to == lane)


class Walk:
    """One walk; `events` become texts that say what they are."""

    def __init__(self, start, grid, lead, ends):
        self.position, self.grid, self.lead = start, grid, lead
        self.n_lanes = len(ends)
        self.lanes = [Lane(e) for e in ends] + ([Lane([])] if grid else [])
        self.turn = lead
        self.leading = True
        self.time = self.event_time = 0
        self.turn_pieces = 0  # of this turn, up to the last event
        self.turns = 0
        self.past = Past()
        self.placed = 0
        self.first = [hinted() for _ in range(7)]
        self.other_first = [hinted() for _ in range(7)]
        self.second, self.to_lead, self.to_end = hinted(), hinted(), Bit()
        self.other, self.new_length = Number(), Number()
        self.gap, self.new_offset = Signed(), Signed()

    def lane(self):
        return self.lanes[self.turn]

    def name(self, number):
        return "hole" if number == self.n_lanes else f"lane {number}"

    def place(self, place):
        lane = self.lane()
        t = lane.templates[place]
        length = lane.length(t)
        assert 1 <= length <= 65535
        start = self.position + t.gap - (length if t.to_end else 0)
        assert start >= 0
        lane.learn(place)
        lane.pieces.append((start, length))
        self.position = start + length
        self.placed += 1
        lane.passed += sum(lane.offset < end <= lane.offset + length for end in lane.ends)
        lane.offset += length
        lane.reach = max(lane.reach, length)
        if self.turn == self.lead:
            self.time += 1
        else:
            lane.keep_pace(self.time)

    def place_predicted(self, n):
        assert n == 0 or self.turn < self.n_lanes
        for _ in range(n):
            self.place(self.lane().predicted())

    def due(self, number):
        lane = self.lanes[number]
        due = lane.pace_last + lane.interval
        return due + FAR if due + lane.interval + 16 < self.event_time else due

    def candidates(self):
        """When, and which, the two lanes are that are due first."""
        others = [i for i in range(len(self.lanes)) if i not in (self.lead, self.turn)]
        order = sorted((self.due(i), self.lanes[i].last_turn, i) for i in others)
        return ([(due, i) for due, _, i in order] + 2 * [(NEVER, None)])[:2]

    def read_surprise(self, decoder):
        return self.lane().surprise[self.past.hint(lambda to, n: to is None)].read(decoder)

    def read_is(self, decoder, models, lane):
        return models[self.past.hint_lane(lane)].read(decoder)

    def read_lane(self, decoder, first, second):
        apart = distance(first[0], second[0])
        expected = self.past.expected()
        to_second = second[1]
        if expected and expected[0] not in (None, first[1], self.lead):
            to_second = expected[0]
        if self.turn != self.lead and self.read_is(decoder, self.to_lead, self.lead):
            return self.lead
        if not self.leading and self.read_is(decoder, self.other_first[apart], first[1]):
            return first[1]
        if self.read_is(decoder, self.second, to_second):
            return to_second
        return self.other.read(decoder)

    def read_wait(self, decoder, number):
        p = self.lanes[number]
        due = p.pace_last + p.interval
        steady = towards_zero(p.steady + p.step + 128, 256)
        i = 0 if steady < due else 1 if steady == due else 2
        wait = max(due - self.event_time, 0)
        j = 0
        if self.past.expected() and self.past.expected()[0] == number:
            n = self.past.expected()[1]
            j = 1 if n < wait else 2 if n == wait else 3
            j += 3 * (self.past.length >= 8)
        return wait + p.late[i][j].read(decoder)

    def read_leading(self, decoder):
        """Whose turn it is (None: a surprise), and after how many pieces."""
        lane = self.lane()
        first, second = self.candidates()
        if self.read_is(decoder, self.first[distance(first[0], second[0])], first[1]):
            to = first[1]
        elif self.read_surprise(decoder):
            return None, lane.before.read(decoder)
        else:
            to = self.read_lane(decoder, first, second)
        if to == self.lead:
            return to, lane.stay.read(decoder)
        return to, self.read_wait(decoder, to)

    def read_other(self, decoder):
        lane = self.lane()
        first, second = self.candidates()
        usual = max(lane.usual - self.turn_pieces, 0)
        back = lane.back[distance(self.event_time, first[0])]
        if back[self.past.hint(lambda to, n: to == self.lead and n == usual)].read(decoder):
            return self.lead, usual
        if self.read_surprise(decoder):
            return None, lane.before.read(decoder)
        to = self.read_lane(decoder, first, second)
        return to, lane.stay.read(decoder)

    def pass_hole(self, packets):
        assert 0 <= packets <= 1 << 31
        self.lane().keep_pace(self.time)
        self.position += packets * self.grid
        if self.leading:
            self.time += packets

    def read_template(self, decoder):
        """The surprise's place, and what is said of it."""
        lane = self.lane()
        if lane.templates and lane.known.read(decoder):
            place = lane.template.read(decoder)
            assert place < len(lane.templates)
            return place, f"template {place}"
        to_end = self.to_end.read(decoder)
        gap = self.gap.read(decoder)
        length = self.new_offset.read(decoder) if to_end else self.new_length.read(decoder) + 1
        place = lane.made % 64
        lane.made += 1
        t = Template(place, to_end, gap, length)
        lane.templates[place:place + 1] = [t]
        what = f"to an end {length:+}, ends" if to_end else f"{length} bytes,"
        return place, f"new template {place}, {what} at {gap:+}"

    def read_event(self, decoder):
        to, n = (self.read_leading if self.leading else self.read_other)(decoder)
        lane, name = self.lane(), self.name(self.turn)
        if self.turn == self.n_lanes:
            assert to is not None
            self.pass_hole(n)
        else:
            self.place_predicted(n)
        self.event_time = self.time
        self.turn_pieces += n
        if to is None:
            self.turn_pieces += 1
            place, what = self.read_template(decoder)
            self.past.add(Past.code(to, n, place))
            self.place(place)
            return f"{name}: {n} as predicted, then {what}"
        assert to != self.turn and to < len(self.lanes)
        self.past.add(Past.code(to, n, None))
        self.turns += 1
        lane.last_turn = self.turns
        unit = "packets" if self.turn == self.n_lanes else "as predicted"
        lane.usual = self.turn_pieces
        self.turn_pieces = 0
        self.leading = to == self.lead or (to == self.n_lanes and not self.leading)
        self.turn = to
        return f"{name}: {n} {unit}, then {self.name(to)}"


def frame_ends(uses, n_lanes):
    """Of each lane, from (timed, lane or None, where a copy begins, its length) in order."""
    ends = [[] for _ in range(n_lanes)]
    copied = [True] * n_lanes  # in this frame; before the first one nobody asks
    next_at = [None] * n_lanes

    def add(lane, end):
        if not ends[lane] or end > ends[lane][-1]:
            ends[lane].append(end)

    for timed, lane, at, length in uses:
        if timed:
            copied = [False] * n_lanes
        if lane is None or length == 0:
            continue
        if not copied[lane]:
            add(lane, at if next_at[lane] is None else next_at[lane])
        copied[lane] = True
        next_at[lane] = at + length
    for lane, end in enumerate(next_at):
        if end is not None:
            add(lane, end)
    return ends
