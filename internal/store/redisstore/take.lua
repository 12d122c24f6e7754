-- Counts an attempt against all budgets, or against none. KEYS are those of the n
-- budgets and then those of the n pairs; ARGV is the time, whether a challenge was
-- solved, and five numbers for each limit.

-- How long a pair is remembered: an hour.
local pair_time = 3600 * 1000000

local n, now, solved = #KEYS / 2, clock(), ARGV[2] == '1'
local limits, levels, counted = {}, {}, {}
local refused, pause = -1, 0
for i = 1, n do
	local l = limit(3, i)
	local failed, at = kept(KEYS[i])
	limits[i], levels[i] = l, decayed(l, failed, at, now)
	local pair = KEYS[n + i] -- the budget's own key where there is none
	counted[i] = pair == KEYS[i] or now >= tonumber(redis.call('GET', pair) or 0)
	if refused < 0 then
		local left = remaining(l, failed, at, now)
		if left > 0 and counted[i] then
			refused, pause = i - 1, left
		elseif not solved and l.challenge > 0 and levels[i] >= l.challenge then
			refused = i - 1
		end
	end
end
local result = { tostring(refused), string.format('%.0f', pause) }
for i = 1, n do
	local counts = counted[i] and refused < 0
	if counts then
		levels[i] = levels[i] + 1
		put(KEYS[i], limits[i], levels[i], now)
	end
	if refused < 0 and KEYS[n + i] ~= KEYS[i] then
		redis.call('SET', KEYS[n + i], string.format('%.0f', now + pair_time), 'PX', pair_time / 1000)
	end
	result[#result + 1] = string.format('%.17g', levels[i])
	result[#result + 1] = counts and '1' or '0'
end
return result
