"""What runs on the server.

One script is one step: nobody sees or does anything between its lines. Each touches one
key, so that a cluster runs it wherever that is. Numbers are written with all 17 digits,
since Lua's own way to write one keeps 14.

The time is the server's, so that clocks of clients mean nothing. It is read before
something is written, which Redis allows since 5: it replicates what a script did and not
the script. Seconds are counted from 2025, where a double still tells 10 ns apart. A time
can be given in its place; only tests do, and all that share a key have to.
"""

from __future__ import annotations

from typing import Final

__all__ = ["CLAIM", "CONFER", "FINISH", "RELEASE", "TAKE"]

_NOW: Final = """
local function time_of(given)
  if given ~= '' then
    return tonumber(given)
  end
  local time = redis.call('TIME')
  return tonumber(time[1]) - 1735689600 + tonumber(time[2]) / 1000000
end
"""

TAKE: Final = (
    _NOW
    + """
-- Permits by the generic cell rate algorithm, as `_admission/gcra.py` has it. The key
-- holds the theoretical arrival time, or is not there when the whole burst is.
-- In:  interval, tolerance (s), permits needed, permits wanted, permits used without
--      the store, time or ''.
-- Out: permits given (0, or as many as needed up to as many as wanted), seconds until
--      those needed are there, seconds until the next one is there after that.
local interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2])
local need, want, used = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local now = time_of(ARGV[6])
local full = now + tolerance
local stored = tonumber(redis.call('GET', KEYS[1]) or '')
local arrival = now
if stored and stored > now then
  arrival = stored
end
if used > 0 then
  -- Somebody was without the store, where nothing was counted. When nothing is known,
  -- as after a restart, so may have been all: then what comes from now on has to do.
  if stored then
    arrival = arrival + used * interval
  else
    arrival = full
  end
end
local changed = used > 0
if arrival > full then
  -- The clock was set back, the limit was lowered, or more was used than is allowed.
  arrival = full
  changed = true
end
-- A time in microseconds, and sums of it, are no more exact than that.
local early = arrival + need * interval - full
local given = 0
if early <= 0.000001 then
  early = 0
  given = math.min(want, math.floor((full - arrival) / interval + 0.000001))
  given = math.max(given, need)
  arrival = arrival + given * interval
end
if (given > 0 or changed) and arrival > now then
  local life = math.ceil((arrival - now) * 1000)
  if ARGV[6] ~= '' then
    -- The server knows nothing of the pace of a time that is given.
    life = 3600000
  end
  redis.call('SET', KEYS[1], string.format('%.17g', arrival), 'PX', life)
end
local next = math.max(0, arrival + interval - full)
return {given, string.format('%.17g', early), string.format('%.17g', next)}
"""
)

CLAIM: Final = """
-- One of those who ask for a key gets it; the others get what became of it.
-- The key holds 'c' and the token of who has it, or 'r', 32 letters of who finished it,
-- and a result.
-- In:  token, milliseconds that a claim lasts.
-- Out: 'claimed'; 'taken' and the milliseconds left; 'finished' and the result.
local held = redis.call('GET', KEYS[1])
if not held or held == 'c' .. ARGV[1] then
  redis.call('SET', KEYS[1], 'c' .. ARGV[1], 'PX', ARGV[2])
  return {'claimed', ''}
end
if string.sub(held, 1, 1) == 'r' then
  return {'finished', string.sub(held, 34)}
end
return {'taken', tostring(redis.call('PTTL', KEYS[1]))}
"""

FINISH: Final = """
-- Keep the result of who has the key, unless somebody else took it over.
-- In:  token, 32 letters that no other finishing has, result, milliseconds to keep it.
-- Out: 1 when it was kept.
local held = redis.call('GET', KEYS[1])
local kept = 'r' .. ARGV[2]
if held == 'c' .. ARGV[1] then
  redis.call('SET', KEYS[1], kept .. ARGV[3], 'PX', ARGV[4])
  return 1
end
-- Its answer was lost, and it was sent again.
if held and string.sub(held, 1, 33) == kept then
  return 1
end
return 0
"""

RELEASE: Final = """
-- Give up a key without a result.  In: token.  Out: 1 when it was given up.
if redis.call('GET', KEYS[1]) ~= 'c' .. ARGV[1] then
  return 0
end
return redis.call('DEL', KEYS[1])
"""

CONFER: Final = (
    _NOW
    + """
-- Circuits of a fleet: who found which upstream down, what follows from it, and who may
-- try it. The key holds all circuits that are not as usual, so that one question a
-- second tells a process everything.
-- In:  instance, quorum (share of the instances), seconds an instance counts, time or
--      '', wishes as JSON: lists of kind, circuit, seconds and the version of the
--      circuit that they are based on (0: none).
-- Out: JSON of circuits: version, seconds left of being open, forced, reset, prober.
--
-- A wish that is based on another version is stale, and is dropped. Versions are numbered
-- by one counter, so that none comes twice.
local me, now = ARGV[1], time_of(ARGV[4])
local held = redis.call('GET', KEYS[1])
local all = held and cjson.decode(held) or {last = 0, instances = {}, circuits = {}}
local function living(untils)
  local left, number = {}, 0
  for name, time in pairs(untils) do
    if time > now then
      left[name] = time
      number = number + 1
    end
  end
  return left, number
end
all.instances[me] = now + tonumber(ARGV[3])
local instances
all.instances, instances = living(all.instances)
local quorum = math.max(2, math.ceil(tonumber(ARGV[2]) * instances))
local function changed(circuit)
  all.last = all.last + 1
  circuit.version = all.last
  circuit.prober = nil
  return circuit
end
for _, wish in ipairs(cjson.decode(ARGV[5])) do
  local kind, name, seconds, base = wish[1], wish[2], wish[3], wish[4]
  local circuit = all.circuits[name] or {version = 0, votes = {}}
  local current = base == circuit.version
  local is_probers = circuit.prober == me and circuit.prober_until > now
  if kind == 'isolate' then
    all.circuits[name] = changed({votes = {}, forced = true})
  elseif kind == 'reset' then
    all.circuits[name] = changed({votes = {}, reset_until = now + seconds})
  elseif circuit.forced then
    -- What an operator said holds until an operator says otherwise.
  elseif kind == 'open' and current then
    circuit.votes[me] = now + seconds
    local number
    circuit.votes, number = living(circuit.votes)
    if circuit.open_until and is_probers or not circuit.open_until and number >= quorum then
      circuit.open_until = now + seconds
      changed(circuit)
    end
    circuit.reset_until = nil
    all.circuits[name] = circuit
  elseif kind == 'closed' and current then
    if is_probers then
      all.circuits[name] = nil
    else
      circuit.votes[me] = nil
    end
  elseif kind == 'probe' and current and circuit.open_until then
    local is_free = not circuit.prober or circuit.prober_until <= now
    if circuit.open_until <= now + 0.001 and is_free then
      circuit.prober, circuit.prober_until = me, now + seconds
    end
  end
end
local told = {}
for name, circuit in pairs(all.circuits) do
  local number
  circuit.votes, number = living(circuit.votes)
  local is_reset = circuit.reset_until and circuit.reset_until > now
  if circuit.forced or is_reset or number > 0 or circuit.open_until then
    local is_held = circuit.prober and circuit.prober_until > now
    -- Nobody tries an upstream that nobody calls: at last it is forgotten.
    if circuit.open_until and circuit.open_until + 3600 < now then
      all.circuits[name] = nil
    else
      told[name] = {
        version = circuit.version,
        open = circuit.open_until and math.max(0, circuit.open_until - now) or -1,
        forced = circuit.forced or false,
        reset = is_reset or false,
        prober = is_held and circuit.prober or '',
      }
    end
  else
    all.circuits[name] = nil
  end
end
redis.call('SET', KEYS[1], cjson.encode(all), 'PX', 86400000)
if next(told) == nil then
  return '{}'
end
return cjson.encode(told)
"""
)
