-- Gives back one attempt of each budget.

local n = #KEYS / 2
for i = 1, n do
	local failed, at = kept(KEYS[i])
	if failed > 0 then
		put(KEYS[i], limit(2, i), math.max(0, failed - 1), at)
	end
	if KEYS[n + i] ~= KEYS[i] then
		redis.call('DEL', KEYS[n + i])
	end
end
return {}
