"""docs/admin-parity.md is true: each name of Django's admin has a row, and each row a test that is there, or says "not there"."""

from __future__ import annotations

import re

import pytest

from house.source import TOP, Module

PAGE = TOP / "docs" / "admin-parity.md"
ADMIN = "tests/public/admin/"
DAYS = "tests/servers/test_admin_days_browser.py"
DJANGO = {
    "ModelAdmin": """
        action_checkbox action_form actions actions_on_bottom actions_on_top actions_selection_counter add_form_template
        add_view autocomplete_fields change_form_template change_list_template change_view changeform_view
        changelist_view check checks_class construct_change_message date_hierarchy delete_confirmation_template
        delete_model delete_queryset delete_selected_confirmation_template delete_view exclude fields fieldsets
        filter_horizontal filter_vertical form formfield_for_choice_field formfield_for_dbfield
        formfield_for_foreignkey formfield_for_manytomany formfield_overrides get_action get_action_choices
        get_actions get_autocomplete_fields get_changeform_initial_data get_changelist get_changelist_form
        get_changelist_formset get_changelist_instance get_deleted_objects get_empty_value_display get_exclude
        get_field_queryset get_fields get_fieldsets get_form get_formset_kwargs get_formsets_with_inlines
        get_inline_formsets get_inline_instances get_inlines get_list_display get_list_display_links get_list_filter
        get_list_select_related get_model_perms get_object get_ordering get_paginator get_prepopulated_fields
        get_preserved_filters get_queryset get_readonly_fields get_search_fields get_search_results get_sortable_by
        get_urls get_view_on_site_url has_add_permission has_change_permission has_delete_permission
        has_module_permission has_view_or_change_permission has_view_permission history_view inlines list_display
        list_display_links list_editable list_filter list_max_show_all list_per_page list_select_related log_addition
        log_change log_deletion log_deletions lookup_allowed media message_user object_history_template ordering
        paginator popup_response_template prepopulated_fields preserve_filters radio_fields raw_id_fields
        readonly_fields render_change_form render_delete_form response_action response_add response_change
        response_delete response_post_save_add response_post_save_change save_as save_as_continue save_form
        save_formset save_model save_on_top save_related search_fields search_help_text show_facets
        show_full_result_count sortable_by to_field_allowed urls view_on_site
    """,
    "InlineModelAdmin": """
        StackedInline TabularInline can_delete checks_class classes extra fk_name formset get_extra get_formset
        get_max_num get_min_num get_queryset has_add_permission has_change_permission has_delete_permission
        has_view_permission max_num media min_num model show_change_link template verbose_name verbose_name_plural
    """,
    "AdminSite": """
        actions add_action admin_view app_index app_index_template autocomplete_view catch_all_view check
        disable_action each_context empty_value_display enable_nav_sidebar final_catch_all_view get_action
        get_app_list get_log_entries get_model_admin get_urls has_permission i18n_javascript index index_template
        index_title is_registered login login_form login_template logout logout_template password_change
        password_change_done password_change_done_template password_change_form password_change_template register
        site_header site_title site_url unregister urls
    """,
    "Filters": """
        AllValuesFieldListFilter BooleanFieldListFilter ChoicesFieldListFilter DateFieldListFilter
        EmptyFieldListFilter FacetsMixin FieldListFilter ListFilter RelatedFieldListFilter RelatedOnlyFieldListFilter
        ShowFacets SimpleListFilter choices create expected_parameters field_admin_ordering field_choices
        get_facet_counts get_facet_queryset get_lookup_condition has_output include_empty_choice list_separator
        lookups parameter_name queryset register template title value
    """,
    "Widgets": """
        AdminBigIntegerFieldWidget AdminDateWidget AdminEmailInputWidget AdminFileWidget AdminIntegerFieldWidget
        AdminRadioSelect AdminSplitDateTime AdminTextInputWidget AdminTextareaWidget AdminTimeWidget
        AdminURLFieldWidget AdminUUIDInputWidget AutocompleteMixin AutocompleteSelect AutocompleteSelectMultiple
        BaseAdminDateWidget BaseAdminTimeWidget FilteredSelectMultiple ForeignKeyRawIdWidget ManyToManyRawIdWidget
        RelatedFieldWidgetWrapper
    """,
}
"""The public names of Django 5.2's options, sites, filters and widgets, and what 6.0 has more (`password_change_form`)."""


def sections(text: str) -> dict[str, list[list[str]]]:
    """The rows of the tables below each heading, as cells."""
    found: dict[str, list[list[str]]] = {}
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title, _, rest = part.partition("\n")
        lines = [line for line in rest.splitlines() if line.startswith("| ")]
        found[title] = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[1:]]
    return found


def wrong(cells: list[str]) -> str:
    """What is wrong with a row; empty where nothing is."""
    if len(cells) != 3 or not all(cells):
        return f"a row is three cells: {cells}"
    named = re.findall(r"`([^`]+)`", cells[2])
    if not named:
        return "" if cells[1].startswith("not there: ") and cells[2] == "–" else f"no test: {cells[0]}"
    for each in named:
        path, _, name = each.rpartition("::")
        path = DAYS if "Days: " in cells[2] and not path else path
        where = TOP / (path if "/" in path else ADMIN + path)
        if not where.is_file() or name not in [function for function, _ in Module(where).functions]:
            return f"there is no test {each}"
    return ""


@pytest.fixture(scope="module")
def page() -> dict[str, list[list[str]]]:
    return sections(PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("title", DJANGO)
def test_every_name_of_djangos_admin_has_a_row(page: dict[str, list[list[str]]], title: str) -> None:
    named = {name for cells in page[title] for name in re.findall(r"`(\w+)`", cells[0])}
    assert sorted({*DJANGO[title].split()} - named) == []


def test_every_row_has_a_test_that_is_there(page: dict[str, list[list[str]]]) -> None:
    assert [fault for rows in page.values() for cells in rows if (fault := wrong(cells))] == []


def test_a_row_without_one_is_seen() -> None:
    there = "`test_parity.py::test_choices_are_a_list`"
    assert wrong(["`a`", "ours", there]) == wrong(["`a`", "not there: it does so", "–"]) == ""
    assert wrong(["`a`", "ours", "–"]) and wrong(["`a`", "ours", ""]) and wrong(["`a`", "", there])
    assert wrong(["`a`", "ours", there.replace("are", "were")]) and wrong(["`a`", "ours", "the same"])
