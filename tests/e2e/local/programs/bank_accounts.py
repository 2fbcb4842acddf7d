"""Deposits, withdrawals and transfers between accounts, with errors of its own."""


class BankError(Exception):
    pass


class InsufficientFunds(BankError):
    def __init__(self, account, amount):
        super().__init__(f"{account.owner} has {account.balance:.2f}, needs {amount:.2f}")
        self.missing = amount - account.balance


class Account:
    def __init__(self, owner, balance=0.0):
        self.owner = owner
        self._balance = balance
        self.history = []

    @property
    def balance(self):
        return self._balance

    def deposit(self, amount):
        if amount <= 0:
            raise ValueError("a deposit must be positive")
        self._balance += amount
        self.history.append(("deposit", amount))

    def withdraw(self, amount):
        if amount > self._balance:
            raise InsufficientFunds(self, amount)
        self._balance -= amount
        self.history.append(("withdraw", amount))

    def transfer(self, other, amount):
        self.withdraw(amount)
        other.deposit(amount)


class SavingsAccount(Account):
    def __init__(self, owner, balance=0.0, rate=0.02):
        super().__init__(owner, balance)
        self.rate = rate

    def add_interest(self):
        self.deposit(round(self.balance * self.rate, 2))


alice = Account("Alice", 120.5)
bob = SavingsAccount("Bob", 1000, rate=0.035)
alice.deposit(79.5)
alice.transfer(bob, 50)
bob.add_interest()
for action in (lambda: alice.transfer(bob, 500), lambda: bob.deposit(-1)):
    try:
        action()
    except InsufficientFunds as error:
        print("refused:", error, f"(missing {error.missing:.2f})")
    except ValueError as error:
        print("invalid:", error)
for account in (alice, bob):
    print(f"{account.owner:<6}|{account.balance:>10,.2f}|", account.history)
