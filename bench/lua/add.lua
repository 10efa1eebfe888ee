-- POST /add of 1 KiB files, each different.
local at = 0
local filler = string.rep("x", 1000)
wrk.headers["Content-Type"] = "multipart/form-data; boundary=b"
request = function()
  at = at + 1
  local content = string.format("%024d", at) .. "@SEED@" .. filler
  local body = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n" ..
    "Content-Type: application/octet-stream\r\n\r\n" .. string.sub(content, 1, 1024) .. "\r\n--b--\r\n"
  return wrk.format("POST", "/add?stream-channels=false", nil, body)
end
