-- The commands. What they do is loaded when the first of them is used.

if vim.g.loaded_tinycode == 1 or vim.fn.has("nvim-0.7") == 0 then
  return
end
vim.g.loaded_tinycode = 1

local function command(name, method, options)
  vim.api.nvim_create_user_command("Tinycode" .. name, function(arguments)
    require("tinycode")[method](arguments.args)
  end, options)
end

command("Run", "run", { desc = "Run the cell under the cursor" })
command("RunAbove", "run_above", { desc = "Run all cells above the one under the cursor" })
command("RunAll", "run_all", { desc = "Run all cells" })
command("Task", "task", { nargs = "*", desc = "Run the task under the cursor, or write down a new one and run it" })
command("Insert", "insert", { desc = "Insert the code that the agent wrote for the task under the cursor" })
command("Interrupt", "interrupt", { desc = "Stop what runs" })
command("Rewind", "rewind", { desc = "Go back to what the session was after the cell or task under the cursor" })
command("Output", "output", { desc = "Show all that came of the cell or task under the cursor" })
command("Vars", "vars", { desc = "Show the variables of this buffer's session" })
command("Clear", "clear", { desc = "Forget the results of this buffer" })
command("Restart", "restart", {
  nargs = "*",
  complete = function(lead)
    local levels = { "local", "isolated", "sandboxed" }
    local options = { "sandbox=strict", "sandbox=workspace", "sandbox=off", "network=none", "network=host" }
    return vim.tbl_filter(function(word)
      return vim.startswith(word, lead)
    end, vim.list_extend(levels, options))
  end,
  desc = "Give this buffer a fresh session, of another trust level or with other options if some are given",
})
