-- Times are in microseconds. A budget rests as "FAILED AT": how many attempts
-- counted as failed at the moment AT. The rules are those of guard.Limit.

local function clock()
	if ARGV[1] ~= '' then
		return tonumber(ARGV[1])
	end
	local t = redis.call('TIME')
	return t[1] * 1000000 + t[2]
end

local function limit(first, i)
	local at = first + (i - 1) * 5
	return {
		burst = tonumber(ARGV[at]), every = tonumber(ARGV[at + 1]),
		first = tonumber(ARGV[at + 2]), most = tonumber(ARGV[at + 3]), challenge = tonumber(ARGV[at + 4]),
	}
end

local function kept(key)
	local text = redis.call('GET', key)
	if not text then
		return 0, 0
	end
	local failed, at = string.match(text, '^(%S+) (%S+)$')
	return tonumber(failed), tonumber(at)
end

local function decayed(l, failed, at, now)
	if now <= at then
		return failed
	end
	return math.max(0, failed - (now - at) / l.every)
end

local function wait(l, failed)
	local over = failed + 1 - l.burst
	if over <= 0 then
		return 0
	end
	if l.first == 0 then
		return math.ceil(over * l.every)
	end
	return math.min(l.first * 2 ^ (math.ceil(over) - 1), l.most)
end

local function remaining(l, failed, at, now)
	return math.max(0, math.min(at, now) + wait(l, failed) - now)
end

local function put(key, l, failed, at)
	local idle = math.max(failed * l.every, wait(l, failed)) / 1000 + 1000
	redis.call('SET', key, string.format('%.17g %.17g', failed, at), 'PX', string.format('%.0f', idle))
end
