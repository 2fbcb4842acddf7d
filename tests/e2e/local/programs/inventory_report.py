"""Stock of a shop as dataclasses, grouped, totalled and printed as a table."""

from collections import defaultdict
from dataclasses import dataclass, field


@dataclass
class Item:
    name: str
    category: str
    price: float
    quantity: int = 0
    tags: list[str] = field(default_factory=list)

    @property
    def value(self) -> float:
        return self.price * self.quantity


class Inventory:
    def __init__(self):
        self._items: dict[str, Item] = {}

    def add(self, item: Item) -> "Inventory":
        if item.name in self._items:
            self._items[item.name].quantity += item.quantity
        else:
            self._items[item.name] = item
        return self

    def remove(self, name: str, quantity: int) -> None:
        item = self._items[name]
        if quantity > item.quantity:
            raise ValueError(f"only {item.quantity} of {name!r} left")
        item.quantity -= quantity

    def by_category(self):
        groups = defaultdict(list)
        for item in self._items.values():
            groups[item.category].append(item)
        return dict(sorted(groups.items()))


stock = Inventory()
stock.add(Item("hammer", "tools", 12.5, 10)).add(Item("nail", "parts", 0.05, 2000, ["steel"]))
stock.add(Item("saw", "tools", 19.99, 4)).add(Item("hammer", "tools", 12.5, 5))
stock.remove("nail", 250)
try:
    stock.remove("saw", 9)
except ValueError as error:
    print("error:", error)
print(f"{'item':<10}{'qty':>8}{'price':>10}{'value':>12}")
for category, items in stock.by_category().items():
    print(f"--- {category.upper()} ".ljust(40, "-"))
    for item in sorted(items, key=lambda i: -i.value):
        print(f"{item.name:<10}{item.quantity:>8}{item.price:>10.2f}{item.value:>12,.2f}")
    print(f"{'':<28}{sum(i.value for i in items):>12,.2f}")
print(stock.by_category()["parts"])
