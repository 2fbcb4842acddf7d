"""Data descriptors that check values, and one that computes once."""


class Field:
    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        return instance.__dict__.get(self.name)

    def __set__(self, instance, value):
        instance.__dict__[self.name] = self.check(value)

    def __delete__(self, instance):
        raise AttributeError(f"{self.name} cannot be deleted")

    def check(self, value):
        return value


class Typed(Field):
    def __init__(self, kind):
        self.kind = kind

    def check(self, value):
        if not isinstance(value, self.kind):
            raise TypeError(f"{self.name} must be {self.kind.__name__}, not {type(value).__name__}")
        return super().check(value)


class Positive(Typed):
    def check(self, value):
        if super().check(value) <= 0:
            raise ValueError(f"{self.name} must be positive")
        return value


class Lazy:
    def __init__(self, function):
        self.function = function

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, instance, owner=None):
        print("computing", self.name)
        value = instance.__dict__[self.name] = self.function(instance)
        return value


class Order:
    product = Typed(str)
    quantity = Positive(int)

    def __init__(self, product, quantity):
        self.product, self.quantity = product, quantity

    @Lazy
    def code(self):
        return f"{self.product[:3].upper()}-{self.quantity:04d}"


order = Order("apples", 12)
print(order.code, order.code, vars(order))
for name, value in [("product", 3), ("quantity", 0), ("quantity", "5"), ("quantity", 7)]:
    try:
        setattr(order, name, value)
        print(name, "=", getattr(order, name))
    except (TypeError, ValueError) as error:
        print(f"{type(error).__name__}: {error}")
try:
    del order.product
except AttributeError as error:
    print(error)
print(type(Order.quantity).__name__, Order.quantity.name)
