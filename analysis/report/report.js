// SPDX-License-Identifier: GPL-2.0-or-later
"use strict";

// Numbers before words; equal rows keep their order.
function compare(a, b) {
	const x = a === "" ? NaN : Number(a), y = b === "" ? NaN : Number(b);

	if (!isNaN(x) && !isNaN(y))
		return x - y;
	if (isNaN(x) !== isNaN(y))
		return isNaN(x) ? 1 : -1;
	return a.localeCompare(b, "en", { numeric: true });
}

function sortBy(head, column) {
	const body = head.closest("table").tBodies[0];
	const up = head.getAttribute("aria-sort") !== "ascending";
	const rows = Array.from(body.rows);

	for (const other of head.parentNode.cells)
		other.removeAttribute("aria-sort");
	head.setAttribute("aria-sort", up ? "ascending" : "descending");
	rows.sort((p, q) => {
		const way = compare(p.cells[column].dataset.v,
				    q.cells[column].dataset.v);
		return up ? way : -way;
	});
	body.append(...rows);
}

for (const table of document.querySelectorAll("table.sort"))
	Array.from(table.tHead.rows[0].cells).forEach((head, column) => {
		head.firstElementChild.addEventListener("click", () =>
			sortBy(head, column));
	});

// With several cases, show one at a time; without script all are shown.
const picker = document.getElementById("case");

if (picker) {
	const cases = document.querySelectorAll("[data-case]");
	const show = () => {
		for (const part of cases)
			part.hidden = part.dataset.case !== picker.value;
	};

	picker.closest("p").hidden = false;
	picker.addEventListener("change", show);
	show();
}
