"""What Redis does as one step. Each script works on one key, so a cluster always has it in one place.

Numbers come and go as text with all their digits, since Redis would cut them down to integers.
"""

from typing import Final

from proxy.store.redis.servers import Script

KEEP_SESSION: Final = Script(
    """
redis.call('HSET', KEYS[1], 'record', ARGV[1], 'seen', ARGV[2], 'proved', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
""",
    durable=True,
)
"""A session: what never changes, last activity, last proof, milliseconds to keep it."""

ENLIST: Final = Script(
    """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[2])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
""",
    durable=True,
)
"""Put something on a list and forget what is past its end: now, what, its end, milliseconds to keep the list."""

READ_SESSION: Final = Script("""
if redis.call('HEXISTS', KEYS[1], 'ended') == 1 then return false end
return redis.call('HMGET', KEYS[1], 'record', 'seen', 'proved')
""")

MARK_ENDED: Final = Script(
    """
local record = redis.call('HGET', KEYS[1], 'record')
if record then redis.call('HSET', KEYS[1], 'ended', 1) end
return record
""",
    durable=True,
)
"""From now on it opens nothing, but it is still known, so that ending it can be tried again until everybody heard."""

TOUCH: Final = Script("""
local seen = redis.call('HGET', KEYS[1], 'seen')
if seen and tonumber(seen) < tonumber(ARGV[1]) then redis.call('HSET', KEYS[1], 'seen', ARGV[1]) end
""")

PROVE: Final = Script(
    """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'proved', ARGV[1])
return 1
""",
    durable=True,
)

RENEW: Final = Script(
    """
if redis.call('HEXISTS', KEYS[1], 'record') == 0 or redis.call('HEXISTS', KEYS[1], 'ended') == 1 then return 0 end
redis.call('HSET', KEYS[1], 'record', ARGV[1])
return 1
""",
    durable=True,
)
"""Another record of a session that goes on."""

PUT_NEW: Final = Script(
    """
local kept = redis.call('GET', KEYS[1])
if kept and tonumber(string.match(kept, '^%S+')) > tonumber(ARGV[3]) then return kept end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]
""",
    durable=True,
)

TAKE: Final = Script("return redis.call('GETDEL', KEYS[1])", durable=True)

RULE: Final = """
local function admit(whole_at, now, interval, tolerance, slack)
  local most = tolerance + interval * slack
  local after = math.max(math.min(whole_at, now + most), now) + interval
  local ahead = after - now
  if ahead > most then
    return nil, ahead - tolerance
  end
  return after, 0
end
"""
"""The arithmetic of `proxy.access.gcra.Buckets`: the new time at which the allowance is whole, or the wait. A time further
away than was ever admitted comes of a clock that was set back since, and would shut its subject out for as long."""

_NOW: Final = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local whole_at = tonumber(redis.call('GET', KEYS[1]) or '0')
local function keep(at)
  redis.call('SET', KEYS[1], string.format('%.17g', at), 'PX', math.max(1, math.ceil((at - now) * 1000)))
end
"""
"""The time is the server's: the clocks of replicas differ."""

ADMIT: Final = Script(f"""{RULE}{_NOW}
local after, wait = admit(whole_at, now, tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]))
if after then keep(after) end
return string.format('%.17g', wait)
""")

GIVE_BACK: Final = Script(f"""{_NOW}
local interval, tolerance, slack = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if whole_at > now then keep(math.min(whole_at, now + tolerance + interval * slack) - interval) end
""")

SETTLE: Final = Script(f"""{_NOW}
local interval, tolerance, count = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local after = math.min(math.max(whole_at, now) + count * interval, now + 2 * tolerance)
keep(after)
return string.format('%.17g', after - now)
""")
"""Charge what was admitted elsewhere; the seconds until the allowance is whole. What many processes admitted at once
beyond it counts as debt, up to one period; more than that comes of a clock that was set back."""
