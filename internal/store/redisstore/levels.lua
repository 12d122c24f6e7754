-- Returns the level and the wait of each budget.

local n, now, result = #KEYS / 2, clock(), {}
for i = 1, n do
	local l = limit(2, i)
	local failed, at = kept(KEYS[i])
	result[#result + 1] = string.format('%.17g', decayed(l, failed, at, now))
	result[#result + 1] = string.format('%.0f', remaining(l, failed, at, now))
end
return result
