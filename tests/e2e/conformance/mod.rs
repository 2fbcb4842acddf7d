//! What holds at every trust level. Nothing in here relies on how a level runs the code: on processes,
//! on `os` or on files. What only some levels have is tested in the other files.

mod agent;
mod bounds;
mod checkpoints;
mod code;
mod hostile;
mod imports;
mod limits;
mod memory;
mod namespace;
mod session;
mod tools;

/// What an import says that is not allowed.
pub const REFUSED: &str = "import of 'os' is not allowed; add it to extra_imports";

/// Makes a test of each behaviour of each file.
macro_rules! tests {
    ($($file:ident: $($behaviour:ident),*;)*) => {
        $($(
            #[test]
            fn $behaviour() {
                if crate::support::has_level(LEVEL) {
                    super::$file::$behaviour(LEVEL);
                }
            }
        )*)*
    };
}

/// Makes a module of tests for each trust level.
macro_rules! levels {
    ($($level:ident),*) => {
        $(mod $level {
            const LEVEL: &str = stringify!($level);

            tests! {
                bounds: arguments_are_checked_in_bounded_time, forged_frames_are_held_to_the_bounds, a_flood_of_frames_neither_grows_the_daemon_nor_keeps_anybody_waiting, names_that_are_too_long_are_cut, a_tool_that_runs_beside_the_code_is_no_call_of_a_client;
                code: a_last_bare_expression_is_the_value, an_exception_has_a_type_a_message_a_line_and_a_traceback_of_the_users_lines, the_line_of_an_error_is_in_the_steps_own_code, a_chained_exception_shows_all_of_its_chain, a_syntax_error_names_its_line_and_runs_nothing, exceptions_that_defend_themselves_are_reported_all_the_same, code_is_whole_python, what_is_defined_in_a_step_works_in_later_ones, match_statements_work_where_python_has_them, an_error_leaves_what_came_before_it;
                hostile: what_the_codes_own_methods_raise_is_in_the_result, a_clean_exit_is_no_error_and_one_that_cannot_be_asked_is, a_tracer_that_exits_ends_its_step_alone, answers_that_cannot_show_themselves_are_answers_all_the_same, names_that_are_no_strings_go_and_those_of_the_session_stay, variables_whose_classes_misbehave_are_listed_beside_the_others;
                session: names_functions_and_imports_last_from_step_to_step, a_final_answer_counts_once_the_step_ends_without_an_exception, signals_are_in_the_result_and_in_the_list, rich_values_are_displayed, a_signal_is_an_event_at_once, an_error_after_an_answer_is_an_error, names_that_a_step_rebinds_or_deletes_are_back_at_the_next, output_is_sent_while_the_code_runs, a_reset_gives_fresh_variables, sessions_share_nothing, names_stay_what_they_are_while_nothing_runs;
                imports: an_import_that_is_not_allowed_is_refused_at_its_line, the_default_list_is_that_of_the_protocol, a_module_of_a_package_is_allowed_without_the_rest_of_it, extra_imports_add_a_package_and_a_star_adds_all, what_an_allowed_module_imports_itself_is_not_looked_at;
                memory: what_a_client_stores_code_recalls, what_code_stores_a_client_recalls, notes_of_clients_and_of_code_are_in_one_list, clearing_forgets_all_for_code_too, changes_are_events, memory_answers_while_code_runs, wrong_uses_of_memory_in_code_are_exceptions, memory_outlives_steps_runs_and_a_reset;
                limits: a_step_that_takes_too_long_is_stopped_and_the_variables_stay, an_interrupt_stops_what_runs_and_keeps_the_session, an_interrupt_before_the_code_begins_keeps_the_session, a_cancelled_exec_answers_that_it_was, output_is_cut_at_its_limit, too_much_memory_is_an_error_and_the_session_goes_on, a_run_ends_at_its_step_limit;
                namespace: variables_are_what_the_code_made, functions_of_the_codes_own_are_variables, long_values_are_shown_by_their_beginning, short_json_is_given_as_it_is, what_cannot_be_asked_is_refused, completions_come_from_the_live_objects, a_name_is_described_where_it_stands_and_within_its_call, hostile_objects_are_looked_at_without_harm, a_repr_that_does_not_end_is_given_up_and_the_variables_stay, a_repr_that_cannot_be_stopped_costs_nothing_but_its_answer, questions_are_no_steps_and_leave_no_events, questions_wait_for_what_was_asked_before;
                tools: tools_are_globals, a_wrong_call_is_a_type_error_with_the_signature, exceptions_of_a_tool_are_raised_and_can_be_caught, python_tools_run_beside_the_code, a_call_that_nobody_answers_ends_with_its_step, tools_outlive_a_reset;
                checkpoints: each_step_leaves_one, each_turn_leaves_one, a_rewind_brings_back_what_python_was, each_is_all_that_python_was_however_much_changed_since, random_numbers_come_again_after_a_rewind, the_scratchpad_goes_back_for_code_and_for_clients, the_conversation_goes_back, a_rewind_can_be_undone, the_beginning_is_a_session_without_steps, a_reset_can_be_undone, one_that_is_not_there_is_refused_and_changes_nothing, the_oldest_go_and_the_beginning_stays, without_checkpoints_there_is_no_way_back, rewinds_wait_in_line, an_interrupt_works_after_a_rewind, a_task_goes_on_from_where_it_was, tools_work_after_a_rewind, tools_stay_those_of_today_and_the_model_is_told, a_step_that_is_killed_is_undone, what_a_client_stores_while_a_step_is_killed_stays;
                agent: a_run_goes_on_until_there_is_an_answer, an_answer_ends_its_own_run_alone, a_run_goes_on_after_a_step_that_took_too_long, what_is_done_between_steps_is_seen_by_the_next, pruning_keeps_the_system_prompt_the_task_and_the_latest_steps;
            }
        })*
    };
}

levels!(isolated, local, sandboxed);
