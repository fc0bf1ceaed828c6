-- A find of one random item per request; ids as in samples.py.
function request()
   return wrk.format("GET", string.format("/bench/items/%024x", math.random(1000)))
end
