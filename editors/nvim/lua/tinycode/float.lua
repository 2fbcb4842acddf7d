-- A window above the text, for what there is more of than fits beside it.

local M = {}

local namespace = vim.api.nvim_create_namespace("tinycode.float")

local function size(lines)
  local width = 20
  for _, line in ipairs(lines) do
    width = math.max(width, vim.fn.strdisplaywidth(line))
  end
  width = math.min(width + 1, math.floor(vim.o.columns * 0.9))
  local height = 0
  for _, line in ipairs(lines) do
    height = height + math.max(1, math.ceil(vim.fn.strdisplaywidth(line) / width))
  end
  return width, math.min(height, math.floor(vim.o.lines * 0.7))
end

--- Opens it with lines, each with its highlight. `q` and `<Esc>` close it.
function M.open(pairs_of_lines)
  local lines = vim.tbl_map(function(pair)
    return pair[1]
  end, pairs_of_lines)
  local bufnr = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, lines)
  for row, pair in ipairs(pairs_of_lines) do
    vim.api.nvim_buf_set_extmark(bufnr, namespace, row - 1, 0, {
      end_row = row - 1,
      end_col = #pair[1],
      hl_group = pair[2],
    })
  end
  vim.bo[bufnr].modifiable = false
  vim.bo[bufnr].bufhidden = "wipe"
  vim.bo[bufnr].filetype = "tinycode-output"
  local width, height = size(lines)
  local window = vim.api.nvim_open_win(bufnr, true, {
    relative = "cursor",
    row = 1,
    col = 0,
    width = width,
    height = math.max(1, height),
    style = "minimal",
    border = "rounded",
  })
  vim.wo[window].wrap = true
  for _, key in ipairs({ "q", "<Esc>" }) do
    vim.keymap.set("n", key, "<Cmd>close<CR>", { buffer = bufnr, nowait = true })
  end
  return window
end

return M
