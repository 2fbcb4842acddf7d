-- Runs the tests of a file in this Neovim, and ends it: with an error if one fails.

local M = {}

local DEADLINE = 30000

local cases = {}

function M.test(name, run)
  table.insert(cases, { name = name, run = run })
end

--- Waits until something is so; what it was at the end is told where it never is.
function M.wait_until(what, condition, state)
  if not vim.wait(DEADLINE, condition, 10) then
    error(("waited in vain until %s: %s"):format(what, vim.inspect(state and state())), 2)
  end
end

function M.equal(found, wanted)
  if not vim.deep_equal(found, wanted) then
    error(("found %s\nwanted %s"):format(vim.inspect(found), vim.inspect(wanted)), 2)
  end
end

--- A buffer with this text, in the current window.
function M.buffer(name, filetype, text)
  vim.cmd("silent! edit " .. vim.fn.fnameescape(vim.fn.tempname() .. "/" .. name))
  vim.api.nvim_buf_set_lines(0, 0, -1, false, vim.split(text, "\n", { plain = true }))
  vim.bo.filetype = filetype
  return vim.api.nvim_get_current_buf()
end

-- Before 0.10, Neovim does not tell of the signs of marks.
local tells_signs = vim.fn.has("nvim-0.10") == 1

--- The sign of a line is this one, as far as Neovim tells.
function M.sign(line, wanted)
  if tells_signs then
    M.equal(M.drawn()[line].sign, wanted)
  end
end

--- What is drawn: `{line, sign, virtual text, virtual lines}`, from 1, without times.
function M.drawn()
  local namespace = vim.api.nvim_get_namespaces().tinycode
  local marks = vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true })
  local drawn = {}
  local function join(pieces)
    local text = ""
    for _, piece in ipairs(pieces) do
      text = text .. piece[1]
    end
    return vim.trim((text:gsub("%s*%d+%.?%d* m?s", "")))
  end
  for _, mark in ipairs(marks) do
    local row, details = mark[2] + 1, mark[4]
    drawn[row] = drawn[row] or {}
    -- Neovim pads signs to two cells.
    drawn[row].sign = details.sign_text and vim.trim(details.sign_text) or drawn[row].sign
    if details.virt_text then
      drawn[row].text = join(details.virt_text)
      drawn[row].lines = vim.tbl_map(join, details.virt_lines or {})
    end
  end
  return drawn
end

--- Waits until this text is drawn behind a line.
function M.wait_for_text(line, text)
  M.wait_until(("line %d shows %s"):format(line, text), function()
    local drawn = M.drawn()[line]
    return drawn and drawn.text == text
  end, M.drawn)
end

--- Runs all tests, says what failed, and ends Neovim.
function M.finish()
  local failed = 0
  for _, case in ipairs(cases) do
    local passed, problem = xpcall(case.run, debug.traceback)
    io.stdout:write(("%s %s\n"):format(passed and "ok    " or "FAILED", case.name))
    if not passed then
      failed = failed + 1
      io.stdout:write(problem .. "\n" .. vim.api.nvim_exec("messages", true) .. "\n")
    end
    vim.cmd("silent! only | silent! %bwipeout!")
  end
  vim.cmd(failed > 0 and "cquit 1" or "qall!")
end

return M
